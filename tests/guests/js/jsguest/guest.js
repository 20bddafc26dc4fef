// A guest in JavaScript: text and JSON.

export function shout(s) {
  return `${s.toUpperCase()}!`;
}

// What is thrown here is the `err` of the result.
export function jsonKeys(s) {
  let value;
  try {
    value = JSON.parse(s);
  } catch (error) {
    throw error.message;
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw "not an object";
  }
  return Object.keys(value);
}

export function countTo(n) {
  return Uint32Array.from({ length: n }, (_, i) => i + 1);
}
