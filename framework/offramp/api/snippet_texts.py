"""What each of Segment's SDKs needs to send a first event to a host, in its own names.

In a text, `<URL>` is the host's URL, `<HOST>` the same without its scheme, `<NAME>` and `<PORT>`
its name and port, `<PATH>` is an option for a URL with a path, `<WRITE_KEY>` is the key.
"""

from __future__ import annotations

from typing import Final

import attrs


@attrs.frozen(kw_only=True)
class Sdk:
    """One SDK."""

    sdk: str
    label: str
    language: str
    install: str
    code: str
    #: Whether it writes `https://` before the host by itself. Source: its code.
    https_only: bool = False


_BROWSER: Final = """\
import { AnalyticsBrowser } from '@segment/analytics-next'

const analytics = AnalyticsBrowser.load({ writeKey: '<WRITE_KEY>', cdnURL: '<URL>' })
analytics.track('Test Event', { test: true })
"""
_NODE: Final = """\
import { Analytics } from '@segment/analytics-node'

const analytics = new Analytics({ writeKey: '<WRITE_KEY>', host: '<URL>' })
analytics.track({ userId: 'test-user', event: 'Test Event', properties: { test: true } })
await analytics.closeAndFlush()
"""
_PYTHON: Final = """\
import segment.analytics as analytics

analytics.write_key = "<WRITE_KEY>"
analytics.host = "<URL>"
analytics.track("test-user", "Test Event", {"test": True})
analytics.shutdown()
"""
_RUBY: Final = """\
require 'segment/analytics'

analytics = Segment::Analytics.new(
  write_key: '<WRITE_KEY>', host: '<NAME>', port: <PORT><PATH>
)
analytics.track(user_id: 'test-user', event: 'Test Event', properties: { test: true })
analytics.flush
"""
_GO: Final = """\
package main

import "github.com/segmentio/analytics-go/v3"

func main() {
	client, err := analytics.NewWithConfig("<WRITE_KEY>", analytics.Config{Endpoint: "<URL>"})
	if err != nil {
		panic(err)
	}
	defer client.Close()
	client.Enqueue(analytics.Track{
		UserId:     "test-user",
		Event:      "Test Event",
		Properties: analytics.NewProperties().Set("test", true),
	})
}
"""
_PHP: Final = """\
<?php
require 'vendor/autoload.php';

use Segment\\Segment;

Segment::init('<WRITE_KEY>', ['host' => '<HOST>']);
Segment::track([
    'userId' => 'test-user', 'event' => 'Test Event', 'properties' => ['test' => true],
]);
Segment::flush();
"""
_JAVA: Final = """\
import com.segment.analytics.Analytics;
import com.segment.analytics.messages.TrackMessage;
import java.util.Map;

Analytics analytics = Analytics.builder("<WRITE_KEY>").endpoint("<URL>").build();
analytics.enqueue(
    TrackMessage.builder("Test Event").userId("test-user").properties(Map.of("test", true)));
analytics.flush();
"""
_KOTLIN: Final = """\
import com.segment.analytics.kotlin.android.Analytics
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put

val analytics = Analytics("<WRITE_KEY>", applicationContext) {
    apiHost = "<HOST>/v1"
    cdnHost = "<HOST>/v1"
}
analytics.track("Test Event", buildJsonObject { put("test", true) })
analytics.flush()
"""
_SWIFT: Final = """\
import Segment

let configuration = Configuration(writeKey: "<WRITE_KEY>")
    .apiHost("<HOST>/v1")
    .cdnHost("<HOST>/v1")
let analytics = Analytics(configuration: configuration)
analytics.track(name: "Test Event", properties: ["test": true])
analytics.flush()
"""
_CSHARP: Final = """\
using Segment.Analytics;
using Segment.Serialization;

var configuration = new Configuration(
    "<WRITE_KEY>", apiHost: "<HOST>/v1", cdnHost: "<HOST>/v1");
var analytics = new Analytics(configuration);
analytics.Track("Test Event", new JsonObject { ["test"] = true });
analytics.Flush();
"""
_CURL: Final = """\
curl <URL>/v1/track -u '<WRITE_KEY>:' -H 'Content-Type: application/json' \\
  -d '{"userId": "test-user", "event": "Test Event", "properties": {"test": true}}'
"""

#: In the order in which a person is offered them.
SDKS: Final = (
    Sdk(
        sdk="browser",
        label="Browser",
        language="javascript",
        install="npm install @segment/analytics-next",
        code=_BROWSER,
    ),
    Sdk(
        sdk="node",
        label="Node.js",
        language="javascript",
        install="npm install @segment/analytics-node",
        code=_NODE,
    ),
    Sdk(
        sdk="python",
        label="Python",
        language="python",
        install="pip install segment-analytics-python",
        code=_PYTHON,
    ),
    Sdk(
        sdk="ruby",
        label="Ruby",
        language="ruby",
        install="gem install analytics-ruby",
        code=_RUBY,
        https_only=True,
    ),
    Sdk(
        sdk="go",
        label="Go",
        language="go",
        install="go get github.com/segmentio/analytics-go/v3",
        code=_GO,
    ),
    Sdk(
        sdk="php",
        label="PHP",
        language="php",
        install="composer require segmentio/analytics-php",
        code=_PHP,
        https_only=True,
    ),
    Sdk(
        sdk="java",
        label="Java",
        language="java",
        install='implementation("com.segment.analytics.java:analytics:+")',
        code=_JAVA,
    ),
    Sdk(
        sdk="kotlin",
        label="Kotlin (Android)",
        language="kotlin",
        install='implementation("com.segment.analytics.kotlin:android:+")',
        code=_KOTLIN,
        https_only=True,
    ),
    Sdk(
        sdk="swift",
        label="Swift",
        language="swift",
        install='.package(url: "https://github.com/segmentio/analytics-swift.git", from: "1.0.0")',
        code=_SWIFT,
        https_only=True,
    ),
    Sdk(
        sdk="csharp",
        label="C#",
        language="csharp",
        install="dotnet add package Segment.Analytics.CSharp",
        code=_CSHARP,
        https_only=True,
    ),
    Sdk(
        sdk="curl",
        label="curl",
        language="shell",
        install="",
        code=_CURL,
    ),
)
