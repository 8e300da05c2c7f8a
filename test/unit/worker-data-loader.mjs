/** worker-data.ts for a worker of a Node that reads no TypeScript. */
import { register } from "tsx/esm/api";

register();
const { default: data } = await import("./worker-data.ts");
export default data;
