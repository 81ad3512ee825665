const DAY_MS = 86_400_000;

/** A time for people, in UTC because nobody knows where they are: `25 November 2026, 14:05 UTC`. */
export function timeText(at: number): string {
  const date = new Date(at);
  const day = date.toLocaleDateString('en-GB', {
    ...{ day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' },
  });
  return `${day}, ${date.toISOString().slice(11, 16)} UTC`;
}

/** How far a time is: `in 3 hours`, `2 days ago`. */
export function distanceText(at: number, now: number): string {
  const seconds = Math.round(Math.abs(at - now) / 1_000);
  const [amount, unit] =
    seconds < 90
      ? [seconds, 'second']
      : seconds < 5_400
        ? [Math.round(seconds / 60), 'minute']
        : seconds * 1_000 < 2 * DAY_MS
          ? [Math.round(seconds / 3_600), 'hour']
          : [Math.round((seconds * 1_000) / DAY_MS), 'day'];
  const length = `${amount} ${unit}${amount === 1 ? '' : 's'}`;
  return at < now ? `${length} ago` : `in ${length}`;
}
