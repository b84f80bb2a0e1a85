// A monotonic clock in milliseconds that also counts the time during which the computer slept.
//
// On some systems performance.now() stops during sleep. The wall clock does not, so its lead is
// added. If the wall clock is set forward, ages are too high once; they are never too low.

const SMALLEST_LEAP = 2000;

let leapt = 0;
let offset = Date.now() - performance.now();

// The time during `atOneMoment`, otherwise null.
let held = null;

export function now() {
  return held ?? read();
}

/** Call `work` with a stopped clock, so that all ages in it are of the same moment. */
export function atOneMoment(work) {
  held = read();
  try {
    work();
  } finally {
    held = null;
  }
}

function read() {
  const steady = performance.now();
  const leap = Date.now() - steady - offset;
  if (Math.abs(leap) > SMALLEST_LEAP) {
    offset += leap;
    leapt += Math.max(0, leap);
  }
  return steady + leapt;
}
