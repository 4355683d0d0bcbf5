export { PydistError } from "./errors/base.js";
export {
  AuthenticationError,
  BrokenExecutorError,
  CancelledError,
  CheckpointError,
  ConnectionError,
  CycleError,
  DependencyError,
  ExecRefusedError,
  GangError,
  HopLimitError,
  InvalidStateError,
  NodeLostError,
  RankError,
  SerializationError,
  ShippingError,
  ShutdownError,
  TimeoutError,
  VersionMismatchError,
  WorkerExitError,
  WorkerMemoryError,
} from "./errors/classes.js";
export { ERROR_CODES, type ErrorCode } from "./errors/codes.js";
