/** What a page of the explorer can show, and where each is: from its server, or inside of the page. */
export interface Offer {
  /** The script's name, for people. */
  readonly script: string;
  readonly choices: readonly OfferedChoice[];
}

export interface OfferedChoice {
  readonly entry: string;
  readonly target: string;
  /** An address to fetch JSON from, or the id of an element that holds it, packed by gzip and base64. */
  readonly data: { readonly kind: "address" | "element"; readonly at: string };
}
