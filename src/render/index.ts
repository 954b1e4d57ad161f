export { loadTemplate, type TemplateSource } from "./source";
export { renderTemplate, inputsDigestOf } from "./render";
export { differences, writeRendered } from "./project-folder";
export { textOf, textsOf } from "./rendered";
