/** Whether a value has an identity that can be referred to: functions have. */
export function isObject(value: unknown): value is object {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}
