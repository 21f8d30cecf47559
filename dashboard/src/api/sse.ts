/** One server-sent event. */
export interface ServerEvent {
  id: string | null;
  name: string;
  data: string;
}

/**
 * Takes a stream of server-sent events apart (HTML Standard, section 9.2.6). The browser's own
 * `EventSource` cannot send an authorization header, and a token must not stand in an address.
 */
export class EventReader {
  private rest = "";
  /** The place that the stream has come to, also by frames that hold nothing else. */
  id: string | null = null;
  private name = "";
  private data: string[] = [];

  /** The events that `text` completes. */
  push(text: string): ServerEvent[] {
    const events: ServerEvent[] = [];
    const lines = (this.rest + text).split(/\r\n|\n|\r/);
    this.rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "") {
        if (this.data.length > 0) {
          events.push({ id: this.id, name: this.name || "message", data: this.data.join("\n") });
        }
        this.name = "";
        this.data = [];
      } else {
        this.take(line);
      }
    }
    return events;
  }

  private take(line: string) {
    if (line.startsWith(":")) return;
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") this.data.push(value);
    if (field === "event") this.name = value;
    if (field === "id" && !value.includes("\0")) this.id = value;
  }
}
