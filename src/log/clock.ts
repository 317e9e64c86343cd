// Time stamps, made once a second: Intl takes about 1 us each, a cached string nothing. Gunicorn's are in the local zone.

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const two = (n: number): string => (n < 10 ? `0${n}` : String(n));

function zone(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  const size = Math.abs(minutes);
  return `${minutes < 0 ? "-" : "+"}${two(Math.floor(size / 60))}${two(size % 60)}`;
}

function clockTime(date: Date): string {
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

function eachSecond(stamp: (date: Date) => string): (now?: number) => string {
  let second = Number.NaN;
  let text = "";
  return (now = Date.now()) => {
    const at = Math.floor(now / 1000);
    if (at !== second) {
      text = stamp(new Date(now));
      second = at;
    }
    return text;
  };
}

/** `[2026-11-20 21:38:00 +0000]`: the error log's stamp. `now` is milliseconds since 1970. */
export const errorStamp: (now?: number) => string = eachSecond(
  (date) =>
    `[${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clockTime(date)} ${zone(date)}]`,
);

/** `[20/Nov/2026:21:38:00 +0000]`: the access log's stamp, as in the Common Log Format. */
export const accessStamp: (now?: number) => string = eachSecond(
  (date) =>
    `[${two(date.getDate())}/${MONTHS[date.getMonth()]}/${date.getFullYear()}:${clockTime(date)} ${zone(date)}]`,
);

/** `Nov  1 21:38:00`: RFC 3164's, in the local zone, without a year. */
export const syslogStamp: (now?: number) => string = eachSecond(
  (date) => `${MONTHS[date.getMonth()]} ${String(date.getDate()).padStart(2)} ${clockTime(date)}`,
);

const isoSecond = eachSecond((date) => date.toISOString().slice(0, 20));

/** `2026-11-20T21:38:00.123Z`: RFC 3339, in UTC, with milliseconds. */
export function isoStamp(now: number = Date.now()): string {
  const ms = now % 1000;
  return `${isoSecond(now)}${ms < 10 ? `00${ms}` : ms < 100 ? `0${ms}` : ms}Z`;
}
