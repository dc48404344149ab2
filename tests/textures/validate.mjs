// Print what Khronos' validator says of models: a line of JSON for each, its issues as [code, severity, place].
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import validator from "gltf-validator";

for (const path of process.argv.slice(2)) {
  const report = await validator.validateBytes(new Uint8Array(await readFile(path)), {
    maxIssues: 0,
    writeTimestamp: false,
    externalResourceFunction: async (uri) =>
      new Uint8Array(await readFile(join(dirname(path), decodeURIComponent(uri)))),
  });
  console.log(JSON.stringify(report.issues.messages.map((one) => [one.code, one.severity, one.pointer])));
}
