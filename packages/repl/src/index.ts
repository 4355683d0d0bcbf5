export { type PromptOptions, startPrompt } from "./prompt.js";
