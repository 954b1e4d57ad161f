export { loadTemplate, type TemplateSource } from "./source";
export { renderTemplate, inputsDigestOf } from "./render";
export { differences, projectFolder, writeRendered } from "./project-folder";
export { textOf, textsOf } from "./rendered";
