/** Something that waits until a test lets it through. */
export interface Gate {
  /** Lets everybody through, now and later. */
  open(): void;
  /** Waits until the gate is open. */
  pass(): Promise<void>;
  /** How many wait or have waited. */
  arrived(): number;
}

/** Makes a closed gate. */
export function createGate(): Gate {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  let arrived = 0;
  return {
    open: () => open(),
    pass: () => {
      arrived += 1;
      return opened;
    },
    arrived: () => arrived,
  };
}
