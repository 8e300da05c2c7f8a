/** The `wgsl` target's files: a shader for each kernel. */
import { CompilerBug } from "../../src/core/errors.ts";
import { launchSteps } from "../../src/program/artifact.ts";
import { counted, type Exporter, parametersOf } from "../files.ts";
import type { WgslArtifact } from "./artifact.ts";

export const wgslFiles: Exporter<WgslArtifact> = (entries, name) => {
  const files = new Map<string, string>();
  const told = entries.map(({ name: entry, artifact }) => {
    const written = new Map<number, string>();
    const kernels = launchSteps(artifact).map((step) => {
      const printed = artifact.kernels[step.kernel];
      if (printed === undefined) throw new CompilerBug(`the kernel ${step.label} was not printed`);
      const { source, ...launch } = printed;
      const file = written.get(step.kernel) ?? `${name(`${entry}_${step.label}`)}.wgsl`;
      written.set(step.kernel, file);
      files.set(file, source);
      return { name: step.label, file, ...launch, parameters: parametersOf(step) };
    });
    return { kernels };
  });
  return { files, entries: told, told: `${counted(files.size, "kernel")}, manifest.json` };
};
