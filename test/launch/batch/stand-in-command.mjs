// What a batch system's command does, as far as it concerns who calls it: the test answers in its place.
import { connect } from "node:net";
import { text } from "node:stream/consumers";

const [port, command, ...args] = process.argv.slice(2);
const script = await text(process.stdin);
const socket = connect(Number(port), "127.0.0.1");
socket.end(JSON.stringify({ command, args, script, env: process.env }));
const { code, stdout, stderr } = JSON.parse(await text(socket));
process.stdout.write(stdout);
process.stderr.write(stderr);
process.exitCode = code;
