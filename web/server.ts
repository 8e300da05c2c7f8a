/**
 * A server for pages, on the loopback address. It answers with contents that it was given and with nothing else: no path of a request
 * ever reaches the file system. Requests under another name than the loopback's are refused, so that no other site can read through it.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname } from "node:path";
import type { Site } from "./build.ts";
import { pageHeaders, workerHeaders } from "./headers.ts";

export interface ServeOptions {
  /** 0, the default, for a free one. */
  readonly port?: number;
  /** Whether the headers of cross-origin isolation are sent. True by default; without them there are no threads. */
  readonly isolated?: boolean;
  /** Whether a content security policy is sent beside the page's own. True by default. */
  readonly policy?: boolean;
}

export interface Served {
  readonly url: string;
  close(): Promise<void>;
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
};

/** Rejects where the port is taken. */
export async function serve(
  site: Site,
  { port = 0, isolated = true, policy = true }: ServeOptions = {},
): Promise<Served> {
  const server = createServer((request, response) => {
    const { host = "" } = request.headers;
    const isOurs = /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?$/.test(host);
    const path = (request.url ?? "/").replace(/\?.*$/s, "").slice(1);
    const name = path === "" ? "index.html" : path;
    const content = isOurs ? site.get(name) : undefined;
    for (const [header, value] of Object.entries(name === "worker.js" ? workerHeaders : pageHeaders)) {
      if (!isolated && header.startsWith("Cross-Origin-")) continue;
      if (!policy && header === "Content-Security-Policy") continue;
      response.setHeader(header, value);
    }
    response.setHeader("Cache-Control", "no-cache");
    const status = !isOurs
      ? 403
      : request.method !== "GET" && request.method !== "HEAD"
        ? 405
        : content === undefined
          ? 404
          : 200;
    response.statusCode = status;
    response.setHeader(
      "Content-Type",
      status === 200 ? (types[extname(name)] ?? "application/octet-stream") : "text/plain",
    );
    response.end(status !== 200 ? `${status}\n` : request.method === "HEAD" ? undefined : content);
  });
  await listening(server, port);
  const { port: taken } = server.address() as AddressInfo;
  return {
    url: `http://localhost:${taken}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listening(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
}
