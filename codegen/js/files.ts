/** The `js` target's files: an ES module for each entry, which exports the kernels. */
import { launchSteps } from "../../src/program/artifact.ts";
import { counted, type Exporter, parametersOf } from "../files.ts";
import { type JsArtifact, moduleText } from "./artifact.ts";

export const jsFiles: Exporter<JsArtifact> = (entries, name) => {
  const files = new Map<string, string>();
  const told = entries.map(({ name: entry, artifact }) => {
    const file = `${name(entry)}.js`;
    files.set(file, moduleText(artifact));
    const kernels = launchSteps(artifact).map((step) => ({
      name: step.label,
      file,
      export: artifact.names[step.kernel],
      parameters: parametersOf(step),
    }));
    return { file, kernels };
  });
  return { files, entries: told, told: `${counted(files.size, "module")}, manifest.json` };
};
