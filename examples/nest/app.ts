// What NestJS can do under tgunicorn. The decorators need the tsconfig.json beside this file.
// Run it: npm install --prefix examples/nest && npx tgunicorn -w 4 --chdir examples/nest 'app:create()'

import "reflect-metadata";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { Readable } from "node:stream";
import {
  Controller,
  Get,
  Headers,
  HttpCode,
  Injectable,
  type MessageEvent,
  Module,
  Post,
  Query,
  Req,
  Res,
  Sse,
  StreamableFile,
} from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { finalize, interval, map, type Observable } from "rxjs";
import { FILE, pieces, rangeOf } from "../showcase/content.ts";

interface Answer extends NodeJS.WritableStream {
  status(code: number): Answer;
  set(name: string, value: string): Answer;
  cookie(name: string, value: string): Answer;
}

@Injectable()
class Files {
  async size(): Promise<number> {
    return (await stat(FILE)).size;
  }
}

@Controller()
class AppController {
  // Found by its type: that is what emitDecoratorMetadata is for.
  private readonly files: Files;

  constructor(files: Files) {
    this.files = files;
  }

  @Get()
  hello(): string {
    return "Hello from Nest\n";
  }

  @Get("stream")
  stream(@Query("pieces") count: string): StreamableFile {
    return new StreamableFile(Readable.from(pieces(Number(count))));
  }

  @Post("upload")
  @HttpCode(200)
  async upload(@Req() request: Readable): Promise<{ bytes: number }> {
    let bytes = 0;
    for await (const chunk of request) bytes += chunk.length;
    return { bytes };
  }

  @Sse("sse")
  sse(): Observable<MessageEvent> {
    return interval(20).pipe(
      map((n) => ({ id: String(n + 1), data: `event ${n + 1}` })),
      finalize(() => console.error("no more events")),
    );
  }

  @Get("abort")
  abort(@Res() answer: Answer): void {
    console.error("the client waits");
    answer.on("close", () => console.error("the client has gone"));
  }

  @Get("range")
  async range(
    @Headers("range") asked: string | undefined,
    @Res({ passthrough: true }) answer: Answer,
  ): Promise<StreamableFile> {
    const size = await this.files.size();
    const range = rangeOf(asked, size);
    answer.set("Accept-Ranges", "bytes");
    if (range !== undefined) answer.status(206).set("Content-Range", range.contentRange);
    return new StreamableFile(createReadStream(FILE, range), {
      type: "text/plain",
      length: range === undefined ? size : range.end - range.start + 1,
    });
  }

  @Get("cookies")
  cookies(
    @Headers("cookie") cookie: string | undefined,
    @Res({ passthrough: true }) answer: Answer,
  ): string | undefined {
    answer.cookie("a", "1").cookie("b", "2");
    return cookie;
  }

  @Get("empty")
  @HttpCode(204)
  empty(): void {
    // nothing to say
  }

  @Get("after-end")
  afterEnd(@Res() answer: Answer): void {
    answer.end("whole");
    answer.write("late");
  }

  @Get("fail")
  fail(): never {
    throw new Error("meant to fail");
  }
}

@Module({ controllers: [AppController], providers: [Files] })
class AppModule {}

export const create = () => NestFactory.create(AppModule, { logger: ["error", "warn"] });
