// A Koa application. Run it: npx tgunicorn -w 4 --chdir examples koa:app

import Koa from "koa";

export const app = new Koa();

app.use((ctx) => {
  ctx.body = "Hello from Koa\n";
});
