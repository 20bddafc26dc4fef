// node componentize.mjs OUT: guest.js and the WIT beside it, as a component. Of the features of the JavaScript runtime
// that import WASI only `fetch` is left in.
import { readFile, writeFile } from "node:fs/promises";
import { componentize } from "@bytecodealliance/componentize-js";

const { component } = await componentize(await readFile("guest.js", "utf8"), {
  sourceName: "guest.js",
  witPath: "wit",
  worldName: "jsfetch",
  disableFeatures: ["random", "stdio", "clocks", "fetch-event"],
});
await writeFile(process.argv[2], component);
