import http from "node:http";
import type { AddressInfo } from "node:net";

export interface Received {
  headers: http.IncomingHttpHeaders;
  body: string;
}

/** A customer's receiver, whose answer can be changed. */
export class Receiver {
  answer = 200;
  readonly received: Received[] = [];
  private readonly server: http.Server;

  private constructor() {
    this.server = http.createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      this.received.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
      response.writeHead(this.answer, { "content-type": "application/json" });
      response.end(JSON.stringify({ answer: this.answer }));
    });
  }

  static async start(): Promise<Receiver> {
    const receiver = new Receiver();
    await new Promise<void>((resolve) => receiver.server.listen(0, "127.0.0.1", resolve));
    return receiver;
  }

  /** The request at this place, the first at 0; there must have been so many. */
  nth(place: number): Received {
    const received = this.received[place];
    if (!received) throw new Error(`${this.received.length} requests, none at ${place}`);
    return received;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hooks`;
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }
}
