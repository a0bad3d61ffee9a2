"""How much to speculate, step by step: measured costs against tracked acceptance. Pure; knows no models or devices."""
