/** The commands that look into a program, without the rest: what the tests of them start. */
import { Command } from "commander";
import { addCompileCommand } from "../../src/tools/cli/compile-command.ts";
import { addExplainCommand } from "../../src/tools/cli/explain-command.ts";
import { addGraphCommand } from "../../src/tools/cli/graph-command.ts";
import { runCommand } from "../../src/tools/script.ts";

const command = new Command("tensorloom");
addGraphCommand(command);
addExplainCommand(command);
addCompileCommand(command);
await runCommand(command, process.argv);
