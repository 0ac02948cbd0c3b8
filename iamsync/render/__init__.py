"""Documents, errors and events as text for people; decides nothing and prints nothing by itself."""
