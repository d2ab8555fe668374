"""An empty Streamlit page: what axe finds here is Streamlit's, not ours."""

import streamlit as st

st.header("Empty")
