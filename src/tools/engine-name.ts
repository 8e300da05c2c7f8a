/** "Node v20.19.0", "Deno 2.9.6", "Bun 1.4.5": Deno and Bun call themselves a Node as well. */
export function engineName({ version, versions }: Pick<NodeJS.Process, "version" | "versions"> = process): string {
  const { bun, deno } = versions;
  if (bun !== undefined) return `Bun ${bun}`;
  return deno === undefined ? `Node ${version}` : `Deno ${deno}`;
}
