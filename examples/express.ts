// An Express application. Run it: npx tgunicorn -w 4 --chdir examples express:app

import express from "express";

export const app = express();

app.get("/", (_req, res) => {
  res.type("text/plain").send("Hello from Express\n");
});

app.post("/echo", express.json(), (req, res) => {
  res.json(req.body);
});
