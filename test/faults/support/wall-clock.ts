/** A wall clock that is wrong; the monotonic clock is not touched. Import before anything else. */
const TrueDate = Date;
let shiftMs = Number(process.env['FAULT_CLOCK_SHIFT_MS'] ?? '0');

class ShiftedDate extends TrueDate {
  constructor(...given: unknown[]) {
    // `Date` has many constructors; what is given goes to the true one as it is.
    super(...((given.length === 0 ? [TrueDate.now() + shiftMs] : given) as [number]));
  }

  static override now(): number {
    return TrueDate.now() + shiftMs;
  }
}

globalThis.Date = ShiftedDate as DateConstructor;

/** Lets the wall clock jump. */
export function shiftWallClock(ms: number): void {
  shiftMs = ms;
}
