/** safetensors of any kind: see safetensors.ts for what must hold; and headers that could take long. */
import { describe, expect, it } from "vitest";
import { cpuMs, patience, prove } from "./property.ts";
import { readOrRefuse, safetensorsProperties } from "./safetensors.ts";

describe("safetensors", () => {
  for (const property of safetensorsProperties) it(property.name, patience, () => prove(property));

  it("hostile headers take little time: a million members, deep nesting, one long text, spaces", patience, () => {
    const million = 1_000_000;
    const headers = [
      `{"__metadata__":{${Array.from({ length: million }, (_, i) => `"${i}":""`).join(",")}}}`,
      `{${'"a":{'.repeat(million)}`,
      `{"a":${"[".repeat(million)}`,
      `{"${"\\u0041".repeat(million)}":{}}`,
      `{"${"\\".repeat(million)}`,
      `{${" ".repeat(5 * million)}}`,
      `{"a":{"dtype":"U8","shape":[${"1,".repeat(million)}1],"data_offsets":[0,0]}}`,
      `{"a":{"dtype":"U8","shape":[${"9".repeat(million)}],"data_offsets":[0,0]}}`,
    ];
    for (const header of headers) {
      const encoded = new TextEncoder().encode(header);
      const bytes = new Uint8Array(8 + encoded.length);
      new DataView(bytes.buffer).setBigUint64(0, BigInt(encoded.length), true);
      bytes.set(encoded, 8);
      const started = cpuMs();
      readOrRefuse(bytes);
      expect(cpuMs() - started).toBeLessThan(8000);
    }
  });
});
