/** One row of the failure table: what operators read and what every maker of failures uses. */
export interface FailureRow {
  /** Never retried by Temporal. */
  final: boolean;
  /** Expected waiting: not counted as an error by the SDK. */
  benign: boolean;
  /** What happened, in our own words. */
  message: string;
  /** What to do about it. */
  fix: string;
}

/** Makes a row. */
export const row = (final: boolean, message: string, fix: string, benign = false): FailureRow => ({
  final,
  benign,
  message,
  fix,
});

/** The subject of many rows. */
export const AS = 'The authorization server';
