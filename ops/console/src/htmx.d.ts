// What we call of htmx, which brings no types of its own.
declare module "htmx.org/dist/htmx.esm.js" {
  const htmx: {
    ajax(verb: string, path: string, how: { source: Element; target: Element; swap: string }): Promise<unknown>;
  };
  export default htmx;
}
