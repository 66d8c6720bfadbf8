// dns.mjs - a name server of a test: answers A questions from lines "address name" of a file, read anew
// for each, with a time to live of 0. node dns.mjs FILE [ADDRESS 127.0.0.1] [PORT 53]
import dgram from 'node:dgram';
import { readFileSync } from 'node:fs';

const [file, address = '127.0.0.1', port = '53'] = process.argv.slice(2);
const socket = dgram.createSocket('udp4');
socket.on('message', (question, from) => {
  const labels = [];
  let at = 12;
  for (; question[at] > 0; at += question[at] + 1) labels.push(question.toString('latin1', at + 1, at + 1 + question[at]));
  const end = at + 5, type = question.readUInt16BE(at + 1), name = labels.join('.').toLowerCase();
  const lines = readFileSync(file, 'utf8').split('\n').map((l) => l.trim().split(/\s+/));
  const known = lines.filter((l) => l[1] === name);
  const found = type === 1 ? known : [];
  const answer = Buffer.concat([question.subarray(0, end), ...found.map(([ip]) => Buffer.from(
    [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...ip.split('.').map(Number)]))]);
  answer.writeUInt16BE(known.length > 0 ? 0x8580 : 0x8583, 2); // NXDOMAIN when nobody has the name
  answer.writeUInt16BE(found.length, 6);
  answer.writeUInt16BE(0, 8);
  answer.writeUInt16BE(0, 10);
  socket.send(answer, from.port, from.address);
});
socket.bind(Number(port), address, () => console.log('ready'));
