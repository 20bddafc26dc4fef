// node componentize.mjs OUT: guest.js and the WIT beside it, as a component. The guest does no input or output, so
// every feature of the JavaScript runtime that would import WASI is left out.
import { readFile, writeFile } from "node:fs/promises";
import { componentize } from "@bytecodealliance/componentize-js";

const { component } = await componentize(await readFile("guest.js", "utf8"), {
  sourceName: "guest.js",
  witPath: "wit",
  worldName: "jsguest",
  disableFeatures: ["random", "stdio", "clocks", "http", "fetch-event"],
});
await writeFile(process.argv[2], component);
