// Says which language the document is in, for screen readers, fonts and line breaks: Streamlit says English of all.
export default function ({ data }) {
  document.documentElement.lang = data.language
}
