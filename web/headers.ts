/**
 * The headers that the pages are sent with. A page may load its own files and nothing else, and compile nothing; its worker, which
 * computes, may compile what tensorloom prints (WebAssembly, JavaScript) and start threads. A worker has the policy of its own file, so
 * the page's stays strict. docs/browser.md tells what each line is for.
 */

/** Threads need shared memory, which a browser gives a page that nobody else can look into. */
const isolation = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
} as const;

const always = { ...isolation, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer" } as const;

export const pageHeaders: Readonly<Record<string, string>> = {
  ...always,
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
};

export const workerHeaders: Readonly<Record<string, string>> = {
  ...always,
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval' 'unsafe-eval'; worker-src blob:; connect-src 'self'",
};
