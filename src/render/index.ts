export { loadTemplate } from "./source";
export { renderTemplate } from "./render";
export { differences, writeRendered } from "./project-folder";
export { textOf, textsOf } from "./rendered";
