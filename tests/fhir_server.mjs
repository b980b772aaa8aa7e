// Medplum's FHIR router over memory, as a server: node fhir_server.mjs FOLDER_OF_NODE_MODULES
import http from "node:http";
import { pathToFileURL } from "node:url";

globalThis.WebSocket ??= class {}; // Node 20 has none, and nothing here uses it
const load = (name, file) => import(pathToFileURL(`${process.argv[2]}/node_modules/@medplum/${name}/dist/esm/${file}`));
const { FhirRouter, MemoryRepository } = await load("fhir-router", "index.mjs");
const { indexSearchParameterBundle, indexStructureDefinitionBundle } = await load("core", "index.mjs");
const { readJson, SEARCH_PARAMETER_BUNDLE_FILES } = await load("definitions", "index.mjs");
for (const file of SEARCH_PARAMETER_BUNDLE_FILES) indexSearchParameterBundle(readJson(file));
for (const kind of ["types", "resources"]) indexStructureDefinitionBundle(readJson(`fhir/r4/profiles-${kind}.json`));

const router = new FhirRouter();
const repository = new MemoryRepository();

async function answer(request, body) {
  const asked = { method: request.method, url: request.url, headers: request.headers, params: {}, query: {}, body };
  for (const [name, value] of new URL(request.url, "http://here").searchParams) asked.query[name] = value;
  const [outcome, resource] = await router.handleRequest(asked, repository);
  const status = { ok: 200, created: 201 }[outcome.id] ?? 400;
  return [status, resource ?? outcome];
}

const server = http.createServer((request, response) => {
  let text = "";
  request.on("data", (part) => (text += part));
  request.on("end", async () => {
    const [status, said] = await answer(request, text ? JSON.parse(text) : undefined);
    response.writeHead(status, { "Content-Type": "application/fhir+json" });
    response.end(JSON.stringify(said));
  });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
