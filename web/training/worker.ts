/** The worker: what the page says to it, and what it says to the page (protocol.ts). */
import { Desk } from "./desk.ts";
import { breakableGpu } from "./gpu.ts";
import type { Command } from "./protocol.ts";

const desk = new Desk(breakableGpu(), (message) => postMessage(message));
addEventListener("message", ({ data }: MessageEvent<Command>) => desk.obey(data));
