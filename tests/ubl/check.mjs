// check.mjs - judges UBL documents: node check.mjs FILE… prints "FILE: RULE: what" for each problem.
// Structure (names, order, number, types, code lists) by the schema of @e-invoice-eu/core, business
// rules of EN 16931 by rules.mjs. A credit note is read as the invoice it mirrors.
import { readFileSync } from 'node:fs';
import Ajv from 'ajv/dist/2019.js';
import { create } from 'xmlbuilder2';
import { invoiceSchema } from '@e-invoice-eu/core';
import { rules } from './rules.mjs';

const UBL = 'urn:oasis:names:specification:ubl:schema:xsd:';
const prefixes = {
    [`${UBL}CommonAggregateComponents-2`]: 'cac:',
    [`${UBL}CommonBasicComponents-2`]: 'cbc:',
};
const mirrored = {
    'cbc:CreditNoteTypeCode': 'cbc:InvoiceTypeCode',
    'cac:CreditNoteLine': 'cac:InvoiceLine',
    'cbc:CreditedQuantity': 'cbc:InvoicedQuantity',
};
const XMLNS = 'http://www.w3.org/2000/xmlns/';

// The schema gives an item's price two decimals; the standard (BT-146) any number of them.
const schema = structuredClone(invoiceSchema);
schema.$defs.dataTypes['Unit price'] = { type: 'string', pattern: '^(0|[1-9][0-9]*)([.][0-9]+)?$' };
const line = schema.properties['ubl:Invoice'].properties['cac:InvoiceLine'].items;
line.properties['cac:Price'].properties['cbc:PriceAmount'].$ref = '#/$defs/dataTypes/Unit price';
const valid = new Ajv({ allErrors: true, strict: false }).compile(schema);

const nameOf = (node) => {
    const name = (prefixes[node.namespaceURI] ?? `{${node.namespaceURI}}`) + node.localName;
    return mirrored[name] ?? name;
};
const elements = (node) => [...node.childNodes].filter((child) => child.nodeType === 1);

function attributes(node, name, into) {
    for (const attribute of node.attributes)
        if (attribute.namespaceURI !== XMLNS) into[`${name}@${attribute.localName}`] = attribute.value;
}

// An element as the schema's JSON. Order and number are judged on the way: JSON has neither.
function read(node, shape, path, say) {
    const object = {}, known = Object.keys(shape.properties);
    let last = -1;
    for (const child of elements(node)) {
        const name = nameOf(child), place = known.indexOf(name);
        const wanted = shape.properties[name], shapeOfOne = wanted?.items ?? wanted;
        if (wanted === undefined) say('schema', `${path}/${name} is not known there`);
        if (wanted === undefined) continue;
        if (place < last) say('schema', `${path}/${name} stands behind ${known[last]}`);
        last = Math.max(last, place);
        attributes(child, name, object);
        const value = shapeOfOne.properties
            ? read(child, shapeOfOne, `${path}/${name}`, say)
            : child.textContent;
        if (value === '') say('schema', `${path}/${name} is empty`);
        if (wanted.type === 'array') (object[name] ??= []).push(value);
        else if (name in object) say('schema', `${path}/${name} stands twice`);
        else object[name] = value;
    }
    return object;
}

function judge(file) {
    const problems = [];
    const say = (rule, what) => problems.push(`${file}: ${rule}: ${what}`);
    const root = create(readFileSync(file, 'utf8')).root().node;
    const kind = root.localName;
    if (!['Invoice', 'CreditNote'].includes(kind) || root.namespaceURI !== `${UBL}${kind}-2`)
        say('schema', `the root is {${root.namespaceURI}}${kind}`);
    const document = read(root, schema.properties['ubl:Invoice'], kind, say);
    if (!valid({ 'ubl:Invoice': document }))
        for (const e of valid.errors) say('schema', `${e.instancePath} ${e.message}`);
    rules(document, kind === 'CreditNote', schema.$defs.codeLists, say);
    return problems;
}

const found = process.argv.slice(2).flatMap(judge);
for (const problem of found) console.log(problem);
process.exitCode = found.length > 0 ? 1 : 0;
