// Preloaded: this process's wall clock is off by CLOCK_SHIFT_MS; its monotonic clock is not.
import process from 'node:process';

const shiftMs = Number(process.env.CLOCK_SHIFT_MS ?? '0');
const TrueDate = Date;

globalThis.Date = class Date extends TrueDate {
  constructor(...given) {
    if (given.length === 0) super(TrueDate.now() + shiftMs);
    else super(...given);
  }
  static now() {
    return TrueDate.now() + shiftMs;
  }
};
