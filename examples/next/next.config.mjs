// `next build` leaves what is to be deployed in .next/standalone: https://nextjs.org/docs/app/api-reference/config/next-config-js/output

/** @type {import("next").NextConfig} */
export default {
  output: "standalone",
  outputFileTracingRoot: import.meta.dirname,
};
