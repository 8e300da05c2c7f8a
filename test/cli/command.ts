/** The commands that look into a program, without the rest: what the tests of them start. */
import { Command } from "commander";
import { addCompileCommand } from "../../src/cli/compile-command.ts";
import { addExplainCommand } from "../../src/cli/explain-command.ts";
import { addGraphCommand } from "../../src/cli/graph-command.ts";
import { runCommand } from "../../src/script.ts";

const command = new Command("tensorloom");
addGraphCommand(command);
addExplainCommand(command);
addCompileCommand(command);
await runCommand(command, process.argv);
