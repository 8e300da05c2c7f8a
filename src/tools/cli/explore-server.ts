/**
 * The server of `tensorloom explore`: for the person who started it, on this machine alone.
 *
 *   http://127.0.0.1:PORT/TOKEN/               the page
 *   http://127.0.0.1:PORT/TOKEN/explorer.js    its script
 *   http://127.0.0.1:PORT/TOKEN/data/2         the third of what is offered, as JSON
 *
 * Nothing else is there: no path is ever looked up on the disk, so there is no folder to leave. The port is any free one of the loopback
 * address. Who does not know the token gets 404; who comes under another name than this address (a page whose name was bound to 127.0.0.1) or from
 * another page gets 403. Whoever explores sees their own source, so the token is not told on (no referrer), and nothing is kept.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { messageOf, UserError } from "../../core/errors.ts";
import type { Offer } from "../explorer/offer.ts";
import { newNonce, pagePolicy, pageScript, servedPage } from "./explore-page.ts";

export interface Served {
  readonly offer: Offer;
  /** What is offered, by its number, as JSON. A UserError is told to the page. */
  data(choice: number): Promise<string>;
}

export interface ExploreServer {
  readonly address: string;
  close(): Promise<void>;
}

export async function startServer(served: Served): Promise<ExploreServer> {
  const script = await pageScript();
  const token = randomBytes(24).toString("base64url");
  const server = createServer((request, response) => {
    const { port } = server.address() as { readonly port: number };
    void answer(request, response, { port, token, script, served });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as { readonly port: number };
  return {
    address: `http://127.0.0.1:${port}/${token}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Here {
  readonly port: number;
  readonly token: string;
  readonly script: string;
  readonly served: Served;
}

async function answer(request: IncomingMessage, response: ServerResponse, here: Here): Promise<void> {
  const nonce = newNonce();
  const { status, type, body } = await found(request, here, nonce);
  response.writeHead(status, {
    "Content-Type": `${type}; charset=utf-8`,
    "Content-Security-Policy": `${pagePolicy(nonce)}; frame-ancestors 'none'`,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
  });
  response.end(request.method === "HEAD" ? "" : body);
}

interface Answer {
  readonly status: number;
  readonly type: "text/plain" | "text/html" | "text/javascript" | "application/json";
  readonly body: string;
}

async function found(request: IncomingMessage, { port, token, script, served }: Here, nonce: string): Promise<Answer> {
  if (!isFromHere(request, port)) return words(403, "this server answers its own page alone");
  if (request.method !== "GET" && request.method !== "HEAD") return words(405, "this server only shows");
  const [, given = "", ...rest] = (request.url ?? "").split("?")[0]?.split("/") ?? [];
  if (!isSame(given, token)) return words(404, "nothing is here");
  const path = rest.join("/");
  if (rest.length > 0 && path === "") return { status: 200, type: "text/html", body: servedPage(served.offer, nonce) };
  if (path === "explorer.js") return { status: 200, type: "text/javascript", body: script };
  const choice = Number(/^data\/(\d{1,4})$/.exec(path)?.[1] ?? "-1");
  if (served.offer.choices[choice] === undefined) return words(404, "nothing is here");
  try {
    return { status: 200, type: "application/json", body: await served.data(choice) };
  } catch (error) {
    if (error instanceof UserError) return words(422, error.message);
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    return words(500, messageOf(error));
  }
}

function words(status: number, body: string): Answer {
  return { status, type: "text/plain", body: `${body}\n` };
}

/** Asked under its own address, and by its own page or by a person. */
function isFromHere({ headers }: IncomingMessage, port: number): boolean {
  const hosts = [`127.0.0.1:${port}`, `localhost:${port}`];
  if (headers.host === undefined || !hosts.includes(headers.host)) return false;
  if (headers.origin !== undefined && !hosts.map((host) => `http://${host}`).includes(headers.origin)) return false;
  const site = headers["sec-fetch-site"];
  return site === undefined || site === "same-origin" || site === "none";
}

/** In a time that tells nothing of where they differ. */
function isSame(given: string, token: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(token)];
  return a.length === b.length && timingSafeEqual(a, b);
}
