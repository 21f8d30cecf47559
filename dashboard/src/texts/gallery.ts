export const gallery = {
  title: "Every component in every state",
  hint: "What the dashboard is built from. A test photographs this page in both themes.",
};
