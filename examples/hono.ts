// A Hono application, which speaks the Fetch standard. Run it: npx tgunicorn -w 4 --chdir examples hono:app

import { Hono } from "hono";

export const app = new Hono();

app.get("/", (c) => c.text("Hello from Hono\n"));
app.post("/echo", async (c) => c.json(await c.req.json()));
