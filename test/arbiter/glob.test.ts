import assert from "node:assert/strict";
import { test } from "node:test";
import { compileGlob } from "../../src/arbiter/glob.ts";

for (const [pattern, base, matching, others] of [
  ["*.html", "/app", ["a.html", "a.b.html"], ["a.htm", "x/a.html", ".a.html", "a.html.tmp", ".html"]],
  ["views/*.html", "/app/views", ["views/a.html"], ["a.html", "views/x/a.html", "other/views/a.html"]],
  ["views/**/*.html", "/app/views", ["views/a.html", "views/x/y/a.html"], ["views/.x/a.html", "views/a.css"]],
  ["views/**", "/app/views", ["views/a", "views/x/y"], ["views", "viewsx", "views/.a", "views/.x/a"]],
  ["**/*.sql", "/app", ["a.sql", "x/y/a.sql"], ["a.sqlx", ".x/a.sql"]],
  [".env*", "/app", [".env", ".env.local"], ["env", "x/.env"]],
  ["v?.txt", "/app", ["v1.txt"], ["v.txt", "v12.txt"]],
  ["v[0-9a].txt", "/app", ["v1.txt", "va.txt"], ["vb.txt", "v[0-9a].txt"]],
  ["v[!0-9].txt", "/app", ["va.txt"], ["v1.txt"]],
  ["*.{html,css,{j,t}s}", "/app", ["a.html", "a.css", "a.js", "a.ts"], ["a.xs", "a.html,css"]],
  ["a{b.txt", "/app", ["a{b.txt"], ["ab.txt"]],
  ["v[-z].txt", "/app", ["v-.txt", "vz.txt"], ["va.txt"]],
  ["v[a[&~].txt", "/app", ["v[.txt", "v&.txt", "va.txt"], ["vb.txt"]],
  ["v[z-a].txt", "/app", ["v[z-a].txt"], ["vz.txt"]],
  ["a[.txt", "/app", ["a[.txt"], ["a.txt"]],
  ["a+(b).$x*", "/app", ["a+(b).$x", "a+(b).$xy"], ["aab.x"]],
  ["/etc/app/*.json", "/etc/app", ["/etc/app/a.json"], ["a.json", "/etc/app/x/a.json"]],
  ["../shared/*.json", "/shared", ["/shared/a.json"], ["/app/shared/a.json"]],
  ["plain.txt", "/app/plain.txt", ["plain.txt", "plain.txt/x"], ["plainxtxt", "x/plain.txt", "plain.txt.x"]],
  ["./dir/plain/", "/app/dir/plain", ["dir/plain", "dir/plain/x/.y"], ["plain", "dir/plainx"]],
  ["grüße-*.txt", "/app", ["grüße-🙂.txt"], ["grusse-a.txt"]],
] as const) {
  test(`${pattern} is looked for in ${base}`, () => {
    const glob = compileGlob(pattern, "/app");
    const absolute = (path: string): string => (path.startsWith("/") ? path : `/app/${path}`);
    assert.equal(glob.base, base);
    assert.deepEqual(
      matching.filter((path) => !glob.matches(absolute(path))),
      [],
    );
    assert.deepEqual(
      others.filter((path) => glob.matches(absolute(path))),
      [],
    );
  });
}

test("a pattern at the root of the file system", () => {
  const glob = compileGlob("/*.txt", "/app");
  assert.equal(glob.base, "/");
  assert.ok(glob.matches("/a.txt") && !glob.matches("/x/a.txt"));
});
