// The operations of sessions, until the generated types have them.
import "./api-types";

declare module "./api-types" {
  interface Operations {
    "POST /api/sessions": { path: Record<string, never>; query: Record<string, never>; body: { token?: string; code?: string }; answer: unknown };
    "GET /api/sessions/current": { path: Record<string, never>; query: Record<string, never>; body: undefined; answer: unknown };
    "DELETE /api/sessions/current": { path: Record<string, never>; query: Record<string, never>; body: undefined; answer: unknown };
  }
}
