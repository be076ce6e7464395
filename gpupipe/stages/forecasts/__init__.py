"""Stages that forecast: many series at once, by the forecasters of `gpupipe.forecasts`."""
