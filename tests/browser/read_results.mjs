// What dcmjs and dwv find in result objects: node read_results.mjs FOLDER_OF_MODULES FILE..., one line of JSON for each.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [modules, ...files] = process.argv.slice(2);
const dcmjs = createRequire(path.resolve(modules, 'dcmjs'))('dcmjs');
const dwv = await import(pathToFileURL(path.resolve(modules, 'dwv/dist/dwv.node.min.js')));
dcmjs.log.setLevel('error');

const listed = (item) => [item ?? []].flat();
const outlinesOfReport = (item) => [
  ...(item.ValueType === 'SCOORD' ? [listed(item.GraphicData)] : []),
  ...listed(item.ContentSequence).flatMap(outlinesOfReport),
];
const outlinesOfState = (state) =>
  listed(state.GraphicAnnotationSequence).flatMap((one) =>
    listed(one.GraphicObjectSequence).map((graphic) => listed(graphic.GraphicData)),
  );

for (const file of files) {
  const { buffer, byteOffset, length } = fs.readFileSync(file);
  const data = buffer.slice(byteOffset, byteOffset + length);
  const found = dcmjs.data.DicomMetaDictionary.naturalizeDataset(dcmjs.data.DicomMessage.readFile(data).dict);
  const parser = new dwv.DicomParser();
  parser.parse(data);
  const tree = found.Modality === 'SR' ? dwv.getSRContent(parser.getDicomElements()).toString() : '';
  const pixels = found.PixelData ? new Uint8Array(listed(found.PixelData)[0]).length : 0;
  const outlines = [...outlinesOfReport(found), ...outlinesOfState(found)].map((one) => one.map(Number));
  process.stdout.write(`${JSON.stringify({ modality: found.Modality, outlines, tree, pixels })}\n`);
}
