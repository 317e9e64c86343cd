// What every server of the comparison answers.

const body = "Hello, World!\n";

export default function hello(_req, res) {
  res.writeHead(200, { "Content-Type": "text/plain", "Content-Length": body.length });
  res.end(body);
}
