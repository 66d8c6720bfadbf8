// draw.mjs - SVG of Graphviz sources: node draw.mjs SOURCE.dot >PICTURE.svg
import { readFileSync } from 'node:fs';
import { instance } from '@viz-js/viz';

const viz = await instance();
process.stdout.write(viz.renderString(readFileSync(process.argv[2], 'utf8'), { format: 'svg', engine: 'dot' }));
