import { describePairs } from "./drop-in.js";

describePairs("py");
