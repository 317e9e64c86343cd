// What HTTP/2 is measured against: node:http2 with its own request and response. usage: node bench/h2-bare.mjs PORT
import http2 from "node:http2";
import hello from "./hello.mjs";

http2.createServer(hello).listen(Number(process.argv[2]), "127.0.0.1");
